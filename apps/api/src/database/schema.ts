import { NamespaceEntity } from '../namespaces/namespace.entity.js';
import { Namespaces0001 } from './migrations/0001-namespaces.js';
import { Artifacts0002 } from './migrations/0002-artifacts.js';
import { AppsAndRouting0003 } from './migrations/0003-apps-and-routing.js';
import { RoutingFeatures0004 } from './migrations/0004-routing-features.js';
import { Measurements0005 } from './migrations/0005-measurements.js';
import { Releases0006 } from './migrations/0006-releases.js';
import { Environments0007 } from './migrations/0007-environments.js';
import { Hooks0008 } from './migrations/0008-hooks.js';
import { Traces0009 } from './migrations/0009-traces.js';

/** Every entity and every migration, by name: nothing is found by a glob. Migrations run in the order of their time stamps. */
export const ENTITIES = [NamespaceEntity];
export const MIGRATIONS = [
  Namespaces0001,
  Artifacts0002,
  AppsAndRouting0003,
  RoutingFeatures0004,
  Measurements0005,
  Releases0006,
  Environments0007,
  Hooks0008,
  Traces0009,
];
