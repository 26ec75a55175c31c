#!/bin/sh
# The operator's tool, with the settings of the installed services.
SETTINGS_FILE=${SETTINGS_FILE-/etc/daybook/daybook.env}
export SETTINGS_FILE
exec /usr/local/lib/daybook/daybook "$@"
