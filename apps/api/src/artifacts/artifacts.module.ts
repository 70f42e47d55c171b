import { Module } from '@nestjs/common';
import { ArtifactReader } from './artifact-reader.js';
import { ArtifactsController } from './artifacts.controller.js';
import { ArtifactsRepository } from './artifacts.repository.js';
import { ArtifactsService } from './artifacts.service.js';
import { BundlesController } from './bundles.controller.js';
import { BundlesService } from './bundles.service.js';

@Module({
  controllers: [ArtifactsController, BundlesController],
  providers: [ArtifactsService, BundlesService, ArtifactReader, ArtifactsRepository],
  exports: [ArtifactReader],
})
export class ArtifactsModule {}
