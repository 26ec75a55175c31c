// libpq's interface, and its macros that Swift does not import: the codes of the fields of an error.
#include <libpq-fe.h>

static const int PQ_FIELD_SEVERITY = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int PQ_FIELD_SQLSTATE = PG_DIAG_SQLSTATE;
static const int PQ_FIELD_MESSAGE = PG_DIAG_MESSAGE_PRIMARY;
