import { builder } from './builder.ts';
import { withOutcomes } from './outcomes.ts';
import { withRateLimits } from './rate-limit.ts';
import './account-deletion.ts';
import './admin.ts';
import './email-verification.ts';
import './login.ts';
import './logout.ts';
import './password-reset.ts';
import './profile.ts';
import './refresh.ts';
import './registration.ts';
import './session-revocation.ts';
import './totp-enrolment.ts';
import './user-administration.ts';
import './user.ts';

/** The whole schema. Each imported file adds its part. */
export const schema = withOutcomes(withRateLimits(builder.toSchema()));
