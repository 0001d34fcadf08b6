/** Declared actions: one catalogue for those who publish, those who check and those who read. Pure. */
export { checkDeclared, undeclared } from './check-declared.ts';
export {
  type ActionDeclaration,
  type CatalogueProblem,
  type Criticality,
  checkDeclarations,
  type Declarations,
  FILE_VERSION,
  readCatalogueFile,
} from './declaration.ts';
export { documentCatalogue } from './document.ts';
