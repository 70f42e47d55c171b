import { Module } from '@nestjs/common';
import { ArtifactCopier } from './artifact-copier.js';
import { ArtifactReader } from './artifact-reader.js';
import { ArtifactsController } from './artifacts.controller.js';
import { ArtifactsRepository } from './artifacts.repository.js';
import { ArtifactsService } from './artifacts.service.js';
import { BundlesController } from './bundles.controller.js';
import { BundlesService } from './bundles.service.js';

@Module({
  controllers: [ArtifactsController, BundlesController],
  providers: [ArtifactsService, BundlesService, ArtifactReader, ArtifactCopier, ArtifactsRepository],
  exports: [ArtifactReader, ArtifactCopier],
})
export class ArtifactsModule {}
