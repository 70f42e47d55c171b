import { createHttpProxyForwarder } from './http-proxy-forwarder.js';
import { describeForwarder, describeHandedOver } from './testing/forwarder-conformance.js';
import { HTTP_PROXY_DEVIATIONS } from './testing/http-proxy-deviations.js';

describeForwarder('http-proxy', createHttpProxyForwarder, HTTP_PROXY_DEVIATIONS);
describeHandedOver('http-proxy', createHttpProxyForwarder, HTTP_PROXY_DEVIATIONS);
