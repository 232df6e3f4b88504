CREATE TABLE `pending_registrations` (
	`email_key` varchar(254) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`email` varchar(254) NOT NULL,
	`username` varchar(64),
	`display_name` varchar(100),
	`phrase` varchar(200),
	`password_hash` varchar(255) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`password_hint` binary(1) NOT NULL,
	`token_hash` binary(32) NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`linked_at` datetime(3) NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	CONSTRAINT `pending_registrations_email_key` PRIMARY KEY(`email_key`)
);
--> statement-breakpoint
CREATE INDEX `pending_registrations_token_index` ON `pending_registrations` (`token_hash`);--> statement-breakpoint
CREATE INDEX `pending_registrations_expiry_index` ON `pending_registrations` (`expires_at`);--> statement-breakpoint
-- registrations that waited among the users, marked by their own address being the pending one, are unconfirmed accounts now
UPDATE `users` SET `pending_email` = NULL WHERE CAST(`pending_email` AS BINARY) = CAST(`email` AS BINARY);
