import { applyDecorators, Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { DomainError } from '../http/domain-error.js';
import { NameParam } from '../http/names.js';
import { ApiProblems } from '../http/openapi.js';
import { SHUTDOWN } from '../tokens.js';
import type { VersionPath } from './lifecycle.service.js';
import { answerFollower } from './log-answer.js';
import { parseLogQuery } from './log-query.js';
import { ApiVersionPath, ProgramPath, type ProgramPathParts, VersionParams } from './program-path.js';
import { ProgramsService } from './programs.service.js';
import { RunHost } from './run-host.js';
import { VersionLogs } from './version-logs.js';

const LINE = { at: '2026-01-01T12:00:00.000Z', stream: 'stdout', instanceId: '6f1c2a9be01d4c55', line: 'listening' };
const VERSION_LINE = { ...LINE, runId: 'b54ee6ef-8a05-4a5c-9de0-5f8a4b1c6c43', program: { name: 'cart', type: 'service' } };

const ApiLog = (summary: string, answer: object, line: object) =>
  applyDecorators(
    ApiOperation({ summary, description: 'With `follow=true` the answer goes on with every new line, one JSON object a line.' }),
    ApiQuery({
      name: 'tail',
      required: false,
      description: 'The last so many lines; 0 to 10000, 1000 if not given.',
      schema: { type: 'integer' },
    }),
    ApiQuery({
      name: 'since',
      required: false,
      description: 'Nothing older: a time, or how long ago (`90s`, `15m`, `2h`, `7d`).',
      schema: { type: 'string' },
      example: '15m',
    }),
    ApiQuery({ name: 'follow', required: false, schema: { type: 'boolean', default: false } }),
    ApiOkResponse({
      content: { 'application/json': { example: answer }, 'application/x-ndjson': { example: `${JSON.stringify(line)}\n` } },
    }),
  );

/** What programs print: standard output and standard error, and what befell their instances (`system`). */
@ApiTags('programs')
@ApiVersionPath()
@Controller('v1/namespaces/:ns/apps/:app/versions/:v')
export class LogsController {
  constructor(
    private readonly programs: ProgramsService,
    private readonly versionLogs: VersionLogs,
    private readonly host: RunHost,
    @Inject(SHUTDOWN) private readonly shutdown: AbortSignal,
  ) {}

  @Get('logs')
  @ApiLog(
    'Read what all programs of a version printed, of all its runs; `elsewhere` names the runs that were on other hosts',
    { items: [VERSION_LINE], nextCursor: null, elsewhere: [] },
    VERSION_LINE,
  )
  @ApiProblems({ 400: ['invalid_name', 'validation_failed'], 404: ['version_not_found'] })
  async ofVersion(
    @VersionParams() path: VersionPath,
    @Query('tail') tail: unknown,
    @Query('since') since: unknown,
    @Query('follow') follow: unknown,
    @Res() response: Response,
  ): Promise<void> {
    const query = parseLogQuery({ tail, since, follow });
    const { items, elsewhere } = await this.versionLogs.read(path, query.follow ? { ...query, tail: 0 } : query);
    if (query.follow) await answerFollower(response, this.shutdown, (gone) => this.versionLogs.follow(path, query, gone));
    else response.json({ items, nextCursor: null, elsewhere });
  }

  @Get(':kind/:name/runs/:run/logs')
  @ApiLog("Read what the run's programs printed", { items: [LINE], nextCursor: null }, LINE)
  @ApiProblems({
    400: ['invalid_name', 'validation_failed'],
    404: ['version_not_found', 'service_not_found', 'worker_not_found', 'flow_not_found', 'run_not_found'],
    409: ['logs_elsewhere'],
  })
  async ofRun(
    @ProgramPath() { path, type, name }: ProgramPathParts,
    @NameParam('run') runId: string,
    @Query('tail') tail: unknown,
    @Query('since') since: unknown,
    @Query('follow') follow: unknown,
    @Res() response: Response,
  ): Promise<void> {
    const query = parseLogQuery({ tail, since, follow });
    const { run } = await this.programs.getRun({ ...path, type, name }, runId);
    const logs = this.host.logsOf(run);
    if (!logs) throw new DomainError('conflict', 'logs_elsewhere', 'The programs of this run are not on this host; ask where they run.');
    if (query.follow) await answerFollower(response, this.shutdown, (gone) => logs.reader.follow(runId, query, gone));
    else response.json({ items: await logs.reader.read(runId, query), nextCursor: null });
  }
}
