CREATE TABLE `job_leases` (
	`job` varchar(32) NOT NULL,
	`holder` varchar(255) NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	`finished_at` datetime(3),
	CONSTRAINT `job_leases_job` PRIMARY KEY(`job`)
);
--> statement-breakpoint
-- nobody's: the first instance that asks gets it
INSERT IGNORE INTO `job_leases` (`job`, `holder`, `expires_at`) VALUES ('housekeeping', '', '2000-01-01 00:00:00');
--> statement-breakpoint
DROP INDEX `email_tokens_expiry_index` ON `email_tokens`;
--> statement-breakpoint
CREATE INDEX `email_tokens_purpose_index` ON `email_tokens` (`purpose`,`expires_at`);
--> statement-breakpoint
CREATE INDEX `totp_enrolments_expiry_index` ON `totp_enrolments` (`expires_at`);