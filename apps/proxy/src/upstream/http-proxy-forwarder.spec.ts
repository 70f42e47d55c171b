import { createHttpProxyForwarder } from './http-proxy-forwarder.js';
import { describeForwarder } from './testing/forwarder-conformance.js';

describeForwarder('http-proxy', createHttpProxyForwarder);
