/** The fields of one protobuf message, by number; of each, all its values in order. Length-delimited ones are the bytes within. */
export type Message = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

/** The wire format of protocol buffers, without a schema. Throws for what is none. */
export function readProtobuf(bytes: Buffer): Message {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined || shift > 63n) throw new Error('a broken varint');
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
  };
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error('a message that ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const values = fields.get(Number(tag >> 3n)) ?? [];
    fields.set(Number(tag >> 3n), values);
    switch (Number(tag & 7n)) {
      case 0:
        values.push(varint());
        break;
      case 1:
        values.push(take(8).readBigUInt64LE());
        break;
      case 2:
        values.push(take(Number(varint())));
        break;
      case 5:
        values.push(BigInt(take(4).readUInt32LE()));
        break;
      default:
        throw new Error(`wire type ${tag & 7n}`);
    }
  }
  return fields;
}

export function bytesOf(message: Message, field: number): Buffer {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

export function numberOf(message: Message, field: number): bigint {
  const value = message.get(field)?.at(-1);
  return typeof value === 'bigint' ? value : 0n;
}

export function messagesOf(message: Message, field: number): Message[] {
  return (message.get(field) ?? []).map((value) => readProtobuf(value as Buffer));
}
