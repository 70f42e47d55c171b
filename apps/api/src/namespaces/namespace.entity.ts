import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('namespaces')
export class NamespaceEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text', { nullable: true }) description!: string | null;
  @Column('jsonb') labels!: Record<string, string>;
  @Column('integer') revision!: number;
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt!: Date;
}
