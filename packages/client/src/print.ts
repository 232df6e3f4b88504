import type { ParsedDocument } from './operation.ts';

/** A node of a parsed document of any GraphQL library. */
interface Node {
  readonly kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a node holds depends on its kind, and the printer goes by that
  readonly [field: string]: any;
}

/**
 * Prints a parsed document as compact text for the service, not for people. It handles only operations and fragments. It
 * exists so that an application does not need a GraphQL library just for printing.
 */
export function printDocument(document: ParsedDocument): string {
  return document.definitions.map(printDefinition).join(' ');
}

function printDefinition(node: Node): string {
  if (node.kind === 'FragmentDefinition') {
    const { name, typeCondition, directives, selectionSet } = node;
    return `fragment ${name.value} on ${typeCondition.name.value}${all(directives)}${selections(selectionSet)}`;
  }
  const { operation, name, variableDefinitions, directives, selectionSet } = node;
  const variables = wrap('(', (variableDefinitions ?? []).map(printVariable).join(' '), ')');
  return `${operation} ${name?.value ?? ''}${variables}${all(directives)}${selections(selectionSet)}`;
}

function printVariable({ variable, type, defaultValue, directives }: Node): string {
  const standard = defaultValue ? `=${printValue(defaultValue)}` : '';
  return `$${variable.name.value}:${printType(type)}${standard}${all(directives)}`;
}

function printType(node: Node): string {
  if (node.kind === 'NonNullType') return `${printType(node.type)}!`;
  return node.kind === 'ListType' ? `[${printType(node.type)}]` : node.name.value;
}

function selections(node: Node | undefined): string {
  return wrap('{', (node?.selections ?? []).map(printSelection).join(' '), '}');
}

function printSelection(node: Node): string {
  const { name, directives, selectionSet } = node;
  if (node.kind === 'FragmentSpread') return `...${name.value}${all(directives)}`;
  if (node.kind === 'InlineFragment') {
    const condition = node.typeCondition ? `on ${node.typeCondition.name.value}` : '';
    return `...${condition}${all(directives)}${selections(selectionSet)}`;
  }
  const alias = node.alias ? `${node.alias.value}:` : '';
  return `${alias}${name.value}${argumentsOf(node)}${all(directives)}${selections(selectionSet)}`;
}

function all(directives: readonly Node[] | undefined): string {
  return (directives ?? []).map((node) => `@${node.name.value}${argumentsOf(node)}`).join('');
}

function argumentsOf(node: Node): string {
  const given: Node[] = node.arguments ?? [];
  return wrap(
    '(',
    given.map(({ name, value }) => `${name.value}:${printValue(value)}`).join(' '),
    ')',
  );
}

function printValue(node: Node): string {
  switch (node.kind) {
    case 'Variable':
      return `$${node.name.value}`;
    case 'NullValue':
      return 'null';
    case 'StringValue':
      return JSON.stringify(node.value);
    case 'ListValue':
      return `[${node.values.map(printValue).join(' ')}]`;
    case 'ObjectValue':
      return `{${node.fields.map(({ name, value }: Node) => `${name.value}:${printValue(value)}`).join(' ')}}`;
    default:
      return String(node.value);
  }
}

function wrap(open: string, text: string, close: string): string {
  return text === '' ? '' : `${open}${text}${close}`;
}
