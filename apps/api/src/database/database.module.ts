import { type DynamicModule, Module } from '@nestjs/common';
import { Database } from './database.js';
import { Transactions } from './transaction.js';

@Module({})
class DatabaseModule {}

/** Gives every module {@link Transactions}. The database is opened and closed by the program, outside of Nest: it outlives every provider. */
export function databaseModule(database: Database): DynamicModule {
  return {
    module: DatabaseModule,
    global: true,
    providers: [
      { provide: Database, useValue: database },
      { provide: Transactions, useValue: database.transactions },
    ],
    exports: [Database, Transactions],
  };
}
