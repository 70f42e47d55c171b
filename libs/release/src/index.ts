export { simulateStage } from './simulate-stage.js';
