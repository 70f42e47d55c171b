import { createHttpProxyForwarder } from './http-proxy-forwarder.js';
import { describeForwarder } from './testing/forwarder-conformance.js';
import { HTTP_PROXY_DEVIATIONS } from './testing/http-proxy-deviations.js';

describeForwarder('http-proxy', createHttpProxyForwarder, HTTP_PROXY_DEVIATIONS);
