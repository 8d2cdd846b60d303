-- What an administrator has ended by hand: payments whose capture failed, attempts that could not be voided. Their
-- state stays what it was; who did it, when and why stand beside it.

ALTER TABLE payment_attempts ADD COLUMN written_off_at INTEGER;
ALTER TABLE payment_attempts ADD COLUMN written_off_by TEXT CHECK (length(written_off_by) BETWEEN 1 AND 64);
ALTER TABLE payment_attempts ADD COLUMN written_off_reason TEXT CHECK (length(written_off_reason) BETWEEN 1 AND 200);

ALTER TABLE payments ADD COLUMN written_off_at INTEGER;
ALTER TABLE payments ADD COLUMN written_off_by TEXT CHECK (length(written_off_by) BETWEEN 1 AND 64);
ALTER TABLE payments ADD COLUMN written_off_reason TEXT CHECK (length(written_off_reason) BETWEEN 1 AND 200);
