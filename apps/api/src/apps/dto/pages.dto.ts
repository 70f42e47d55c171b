import { ApiProperty } from '@nestjs/swagger';
import { AliasDto, AppDto, AppVersionDto } from './app.dto.js';

export class AppPageDto {
  @ApiProperty({ type: [AppDto] }) items!: AppDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export class AppVersionPageDto {
  @ApiProperty({ type: [AppVersionDto] }) items!: AppVersionDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export class AliasPageDto {
  @ApiProperty({ type: [AliasDto] }) items!: AliasDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}
