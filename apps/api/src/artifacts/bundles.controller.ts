import { pipeline } from 'node:stream/promises';
import { Controller, Get, Headers, Put, Req, Res } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Consumes } from '../http/consumes.js';
import { DomainError } from '../http/domain-error.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiProblems } from '../http/openapi.js';
import { ArtifactReader } from './artifact-reader.js';
import { SemverParam } from './artifacts.controller.js';
import { BundlesService, bundleEtag } from './bundles.service.js';
import { ArtifactVersionDto, toArtifactVersionDto } from './dto/artifact.dto.js';

const GZIP = 'application/gzip';

@ApiTags('artifacts')
@ApiParam({ name: 'ns', example: 'default' })
@Controller('v1/namespaces/:ns/artifacts/:artifact/versions/:semver/bundle')
export class BundlesController {
  constructor(
    private readonly bundles: BundlesService,
    private readonly reader: ArtifactReader,
  ) {}

  @Put()
  @Consumes(GZIP)
  @ApiOperation({ summary: 'Upload what the programs run in: a gzip’d tar (FABRIC_MAX_BUNDLE_BYTES; 256 MiB if not set)' })
  @ApiIfMatch()
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiHeader({ name: 'Content-Digest', required: false, description: 'RFC 9530, `sha-256=:…:`; checked.' })
  @ApiCreatedResponse({ type: ArtifactVersionDto, description: 'It is new.' })
  @ApiOkResponse({ type: ArtifactVersionDto, description: 'The same was there.' })
  @ApiProblems(
    { 400: ['bundle_invalid', 'bundle_unsafe', 'digest_mismatch', 'invalid_digest', 'invalid_name', 'invalid_version'] },
    { 404: ['artifact_not_found'], 409: ['artifact_exists'], 413: ['bundle_too_large'] },
    412,
    415,
  )
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('artifact') name: string,
    @SemverParam() version: string,
    @Headers('content-digest') digest: string | undefined,
    @Expected() ifMatch: IfMatch,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ArtifactVersionDto> {
    const length = request.headers['content-length'];
    const { artifact, created } = await this.bundles.put([namespace, name, version], {
      body: request,
      length: length === undefined ? null : Number(length),
      expectedSha256: parseDigest(digest),
      ifMatch,
    });
    response.status(created ? 201 : 200).setHeader('ETag', bundleEtag(artifact) ?? '');
    return toArtifactVersionDto(artifact);
  }

  @Get()
  @ApiOperation({ summary: 'Download the bundle' })
  @ApiOkResponse({ content: { [GZIP]: { schema: { type: 'string', format: 'binary' }, example: '(bytes)' } } })
  @ApiProblems({ 400: ['invalid_name', 'invalid_version'], 404: ['artifact_not_found', 'bundle_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('artifact') name: string,
    @SemverParam() version: string,
    @Res() response: Response,
  ): Promise<void> {
    const artifact = await this.bundles.require([namespace, name, version]);
    const { bundle } = artifact;
    if (!bundle) throw new DomainError('not_found', 'bundle_not_found', `${name} ${version} has no bundle.`);
    response.setHeader('ETag', bundleEtag(artifact) ?? '').setHeader('Cache-Control', 'private, no-cache');
    if (response.req.fresh) {
      response.status(304).end();
      return;
    }
    response.setHeader('Content-Type', GZIP).setHeader('Content-Length', bundle.bytes);
    if (response.req.method === 'HEAD') response.end();
    // A reader that goes away, or a database that does, ends the answer early: Content-Length tells the reader so.
    else await pipeline(await this.reader.openBundle(namespace, name, version), response).catch(() => response.destroy());
  }
}

/** The SHA-256 of a Content-Digest header; null when there is none of it. 400 invalid_digest. */
function parseDigest(header: string | undefined): Buffer | null {
  const value = /(?:^|[,\s])sha-256=([^,]*)/i.exec(header ?? '')?.[1];
  if (value === undefined) return null;
  const bytes = Buffer.from(/^:([A-Za-z0-9+/]{43}=):$/.exec(value.trim())?.[1] ?? '', 'base64');
  if (bytes.length === 32) return bytes;
  throw new DomainError('malformed', 'invalid_digest', 'Content-Digest must be like sha-256=:<base64>:', {
    errors: [{ path: 'Content-Digest', message: 'is not a SHA-256 digest' }],
  });
}
