import { settings } from '../session/settings.ts';
import { Icon } from './icon.tsx';

/** The operator's name and logo. */
export function Brand() {
  return (
    <span className="brand">
      {settings.logoUrl ? (
        <img className="brand-logo" src={settings.logoUrl} alt="" height="32" />
      ) : (
        <span className="brand-mark">
          <Icon name="key" />
        </span>
      )}
      <span className="brand-name">{settings.brandName}</span>
    </span>
  );
}
