import {
  createContext,
  type FormEvent,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
} from 'react';
import { RequestProblem } from '../session/request-problem.ts';
import type { Problems } from './problems.ts';

/** The submitted values, by field name. */
export interface Values {
  text(name: string): string;
  /** `null` if the field is empty. */
  optional(name: string): string | null;
  checked(name: string): boolean;
}

interface FormState {
  problems: Problems;
  pending: boolean;
}

const FormContext = createContext<FormState>({ problems: {}, pending: false });

export function useFormState(): FormState {
  return useContext(FormContext);
}

export interface FormProps {
  /** Does the work. @returns the problems, or `undefined` on success */
  onSubmit(values: Values): Promise<Problems | undefined>;
  submitLabel: string;
  children?: ReactNode;
  /** Shown after success, if the form stays on the page. */
  done?: string;
  tone?: 'danger';
  /** A second button, beside the submit button. */
  secondary?: ReactNode;
  /** The form's name for assistive technology, if no heading names it. */
  label?: string;
}

/** A form that shows each problem at its field and focuses the first invalid one. */
export function Form(props: FormProps) {
  const { onSubmit, submitLabel, children, done, tone, secondary, label } = props;
  const [problems, setProblems] = useState<Problems>({});
  const [pending, setPending] = useState(false);
  const [isDone, setDone] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => {
    if (Object.keys(problems).length === 0) return;
    const invalid = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    (invalid ?? form.current?.querySelector<HTMLElement>('[role="alert"]'))?.focus();
    // select a rejected password, so that typing replaces it: nobody can edit what they cannot see
    if (invalid instanceof HTMLInputElement && invalid.dataset.secret === 'true') invalid.select();
  }, [problems]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (pending) return;
    const element = event.currentTarget;
    setDone(false);
    const missing = findMissing(element);
    setProblems(missing);
    if (Object.keys(missing).length > 0) return;
    setPending(true);
    const found = await attempt(() => onSubmit(readValues(element)));
    setPending(false);
    if (found !== undefined) return setProblems(found);
    setDone(true);
    clearSecrets(element);
  }

  return (
    <FormContext value={{ problems, pending }}>
      <form ref={form} className="form" onSubmit={submit} noValidate aria-label={label}>
        <FormAlert problems={problems} form={form.current} />
        {children}
        <div className="form-actions">
          <button className={`button ${tone ?? 'primary'}`} type="submit" aria-disabled={pending}>
            {pending ? <span className="spinner" aria-hidden="true" /> : null}
            {submitLabel}
          </button>
          {secondary}
        </div>
        <p className="form-done" role="status">
          {isDone && done ? done : ''}
        </p>
      </form>
    </FormContext>
  );
}

/** Replaces the browser's own validation, which reports one field at a time, in a bubble that not everybody can read. */
function findMissing(form: HTMLFormElement): Problems {
  const required = form.querySelectorAll<HTMLInputElement>('[required]');
  const empty = [...required].filter((input) => input.value.trim() === '');
  return Object.fromEntries(empty.map((input) => [input.name, 'This field is required.']));
}

/** The problems that belong to no visible field. */
function FormAlert({ problems, form }: { problems: Problems; form: HTMLFormElement | null }) {
  const messages = Object.entries(problems)
    .filter(([name]) => name === '' || !form?.elements.namedItem(name))
    .map(([, message]) => message);
  if (messages.length === 0) return null;
  return (
    <div className="notice danger" role="alert" tabIndex={-1}>
      {messages.map((message) => (
        <p key={message}>{message}</p>
      ))}
    </div>
  );
}

async function attempt(work: () => Promise<Problems | undefined>): Promise<Problems | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RequestProblem) return { '': error.message };
    throw error;
  }
}

function readValues(form: HTMLFormElement): Values {
  const data = new FormData(form);
  const text = (name: string) => String(data.get(name) ?? '');
  return {
    text,
    optional: (name) => text(name).trim() || null,
    checked: (name) => data.has(name),
  };
}

/** Empties the password fields once they have been used. */
function clearSecrets(form: HTMLFormElement): void {
  for (const input of form.querySelectorAll('input')) {
    if (input.dataset.secret === 'true') input.value = '';
  }
}
