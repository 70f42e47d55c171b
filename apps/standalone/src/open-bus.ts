import { connectRedisPublisher, connectRedisSubscriber, createProcessBus, type PublisherBus, type SubscriberBus } from '@app-fabric/bus';

/** Both ends of the way between the planes: through Redis when there is one, else within this process. */
export async function openBus(redisUrl: string | null): Promise<{ publisher: PublisherBus; subscriber: SubscriberBus }> {
  if (redisUrl === null) return createProcessBus();
  const publisher = await connectRedisPublisher({ url: redisUrl });
  try {
    return { publisher, subscriber: await connectRedisSubscriber({ url: redisUrl }) };
  } catch (error) {
    await publisher.close();
    throw error;
  }
}
