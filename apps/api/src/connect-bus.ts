import { connectRedisPublisher, createProcessBus, type PublisherBus } from '@app-fabric/bus';

/** Redis, or without one a bus that ends in this process. */
export async function connectBus(redisUrl: string | null): Promise<PublisherBus> {
  return redisUrl === null ? createProcessBus().publisher : connectRedisPublisher({ url: redisUrl });
}
