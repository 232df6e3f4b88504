import { type ReactNode, useId, useState } from 'react';
import { settings } from '../session/settings.ts';
import { useFormState } from './form.tsx';

interface FieldProps {
  name: string;
  label: string;
  hint?: ReactNode;
  /** The field may stay empty; the label says so. */
  optional?: boolean;
  /** Leaves "optional" out of the label, where it is obvious. */
  quiet?: boolean;
}

interface Described {
  id: string;
  name: string;
  required: boolean;
  'aria-invalid': boolean | undefined;
  'aria-describedby': string | undefined;
}

/** An input with its label, hint and problem, linked by ARIA attributes for assistive technology. */
function Field(props: FieldProps & { children(described: Described): ReactNode }) {
  const { name, label, hint, optional, quiet, children } = props;
  const id = useId();
  const problem = useFormState().problems[name];
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  const problemId = problem === undefined ? undefined : `${id}-problem`;
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {optional && !quiet ? <span className="optional"> optional</span> : null}
      </label>
      {children({
        id,
        name,
        required: !optional,
        'aria-invalid': problem === undefined ? undefined : true,
        'aria-describedby': [problemId, hintId].filter(Boolean).join(' ') || undefined,
      })}
      {problem === undefined ? null : (
        <p className="problem" id={problemId}>
          {problem}
        </p>
      )}
      {hint === undefined ? null : (
        <p className="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

export interface TextFieldProps extends FieldProps {
  type?: 'text' | 'email' | 'search';
  autoComplete?: string;
  defaultValue?: string;
  maxLength?: number;
  spellCheck?: boolean;
  inputMode?: 'numeric' | 'text' | 'email';
}

export function TextField(props: TextFieldProps) {
  const { name, label, hint, optional, quiet, type = 'text', ...input } = props;
  const field = { name, label, hint, optional: optional ?? false, quiet: quiet ?? false };
  return (
    <Field {...field}>
      {(described) => <input {...described} {...input} type={type} autoCapitalize="none" />}
    </Field>
  );
}

export function TextAreaField(
  props: FieldProps & { defaultValue?: string; rows?: number; code?: boolean },
) {
  const { defaultValue, rows = 6, code } = props;
  return (
    <Field {...props}>
      {(described) => (
        <textarea
          {...described}
          className={code ? 'code' : undefined}
          rows={rows}
          defaultValue={defaultValue}
          spellCheck={!code}
        />
      )}
    </Field>
  );
}

/** A password field with a button that shows the password. */
export function PasswordField(
  props: FieldProps & { autoComplete: 'current-password' | 'new-password' },
) {
  const { autoComplete, label } = props;
  const [shown, setShown] = useState(false);
  return (
    <Field {...props}>
      {(described) => (
        <div className="password">
          <input
            {...described}
            type={shown ? 'text' : 'password'}
            autoComplete={autoComplete}
            autoCapitalize="none"
            spellCheck={false}
            data-secret="true"
          />
          <button
            type="button"
            className="reveal"
            aria-pressed={shown}
            aria-label={`Show ${label.toLowerCase()}`}
            onClick={() => setShown(!shown)}
          >
            {shown ? 'Hide' : 'Show'}
          </button>
        </div>
      )}
    </Field>
  );
}

export function NewPasswordField({ name, label }: { name: string; label: string }) {
  return (
    <PasswordField
      name={name}
      label={label}
      autoComplete="new-password"
      hint={`At least ${settings.passwordLength} characters. A few words in a row are strong and easy to remember.`}
    />
  );
}

/** Tells password managers which account the password belongs to: they store nothing without a username. */
export function AccountName({ name }: { name: string }) {
  return (
    <input
      className="account-name"
      type="text"
      autoComplete="username"
      value={name}
      readOnly
      tabIndex={-1}
      aria-hidden="true"
    />
  );
}

/** A code from an authenticator app, which phones can fill in by themselves, or a recovery code. */
export function CodeField({ kind, name = 'code' }: { kind: CodeKind; name?: string }) {
  const isTotp = kind === 'totp';
  return (
    <TextField
      key={kind}
      name={name}
      label={CODE_LABELS[kind]}
      autoComplete={isTotp ? 'one-time-code' : 'off'}
      inputMode={isTotp ? 'numeric' : 'text'}
      spellCheck={false}
      maxLength={60}
      hint={CODE_HINTS[kind]}
    />
  );
}

export type CodeKind = 'totp' | 'recovery' | 'either';

const CODE_LABELS: Record<CodeKind, string> = {
  totp: 'Six-digit code',
  recovery: 'Recovery code',
  either: 'Code',
};

const CODE_HINTS: Record<CodeKind, string> = {
  totp: 'From your authenticator app.',
  recovery:
    'One of the codes that you saved when you turned on two-factor authentication. Each works once.',
  either: 'Six digits from your authenticator app, or a recovery code.',
};

export function CheckField({ name, label, hint }: FieldProps) {
  const id = useId();
  const problem = useFormState().problems[name];
  return (
    <div className="field">
      <div className="check">
        <input
          id={id}
          name={name}
          type="checkbox"
          aria-invalid={problem === undefined ? undefined : true}
          aria-describedby={`${id}-more`}
        />
        <label htmlFor={id}>{label}</label>
      </div>
      <div id={`${id}-more`}>
        {problem === undefined ? null : <p className="problem">{problem}</p>}
        {hint === undefined ? null : <p className="hint">{hint}</p>}
      </div>
    </div>
  );
}

export function SelectField(
  props: FieldProps & {
    options: readonly (readonly [value: string, label: string])[];
    defaultValue?: string;
  },
) {
  const { options, defaultValue } = props;
  return (
    <Field {...props}>
      {(described) => (
        <select {...described} defaultValue={defaultValue}>
          {options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
