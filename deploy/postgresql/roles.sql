-- The least that roles need. To be run by the owner of the schema daybook, once the log was opened for the first time
-- by a role that may create it (CREATE on the database); and again after an update that changed the schema.
--
--     psql -v appender=daybook_log -v reader=daybook_reader -f roles.sql DATABASE
--
-- appender: the event-log service. It can add records and cannot change or remove any.
-- reader: people and reports. It sees the two views and nothing else.

GRANT USAGE ON SCHEMA daybook TO :"appender", :"reader";

GRANT SELECT ON daybook.log TO :"appender";
GRANT SELECT, INSERT ON daybook.records, daybook.refusals TO :"appender";
GRANT SELECT ON daybook.writer TO :"appender";
GRANT UPDATE (epoch, owner, position, changes, renewed_at, released, server_run, leader, led_since)
    ON daybook.writer TO :"appender";
GRANT SELECT, INSERT, UPDATE, DELETE ON daybook.snapshots TO :"appender";

GRANT SELECT ON daybook.events, daybook.command_keys TO :"reader";
