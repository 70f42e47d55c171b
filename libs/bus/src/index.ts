export * from './bus.js';
export { createProcessBus } from './process-bus.js';
export { connectRedisPublisher, type RedisBusOptions } from './redis-publisher.js';
export { connectRedisSubscriber } from './redis-subscriber.js';
