export * from './file-system.js';
