import { describeForwarder, describeHandedOver } from '../upstream/testing/forwarder-conformance.js';
import { createEngineForwarder } from './engine-forwarder.js';

describeForwarder('engine', createEngineForwarder);
describeHandedOver('engine', createEngineForwarder);
