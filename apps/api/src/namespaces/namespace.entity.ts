import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Environment } from './namespace.js';
import type { Variables } from './variables.js';

@Entity('namespaces')
export class NamespaceEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text', { nullable: true }) description!: string | null;
  @Column('jsonb') labels!: Record<string, string>;
  @Column('text', { nullable: true }) environment!: Environment | null;
  @Column('jsonb') variables!: Variables;
  @Column('integer', { name: 'default_instances', nullable: true }) defaultInstances!: number | null;
  @Column('integer') revision!: number;
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt!: Date;
}
