# Sourced by deploy/up: a whole set of secrets for a Daybook on one machine, in data/secure.

secure_folder=data/secure
secure_settings=$secure_folder/settings.env

# is_secured: whether Daybook runs with secrets from this folder. Once it does, a plain deploy/up keeps it so.
is_secured() { [ -e "$secure_settings" ]; }

# use_secure_settings: lets the services, and whatever else is started from here, find the secrets. The environment still
# wins over the file, and both win over .env; only PEER_SECRET_KEY is that of daybook alone, since each service has a key of
# its own (supervision/secure.py).
use_secure_settings() {
    local line name value
    while IFS= read -r line || [ -n "$line" ]; do
        [[ $line =~ ^([A-Z_]+)=(.*)$ ]] || continue
        name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        [[ ! $value =~ ^\'(.*)\'$ ]] || value=${BASH_REMATCH[1]}
        [ -n "${!name+set}" ] || export "$name=$value"
    done <"$secure_settings"
}

# make_secure_set PROGRAMS: makes what is missing of the set, with the tool in that folder, and tells what was made. What is
# there stays as it is; new tokens are printed, and are nowhere else. What comes before || or && goes on after a failure,
# whatever set -e says: so each step says itself that it failed.
make_secure_set() {
    local daybook=$1/daybook
    [ -x "$daybook" ] || fail "there is no $daybook: run deploy/up without --no-build"
    command -v openssl >/dev/null || require_packages openssl
    (
        umask 077
        mkdir -p "$secure_folder" && make_certificate && make_keys "$daybook" && make_tokens "$daybook" && make_settings
    ) || fail "could not make the secrets in $secure_folder"
    chmod 700 "$secure_folder"
}

# A certificate for this machine, and the authority that signed it, which clients trust. The authority's key is thrown away:
# nothing else can ever be signed with it.
make_certificate() {
    [ ! -e "$secure_folder/certificate.pem" ] || return 0
    local host names=DNS:localhost,IP:127.0.0.1,IP:::1
    host=$(hostname 2>/dev/null) || host=
    [[ ! $host =~ ^[A-Za-z0-9.-]+$ ]] || [ "$host" = localhost ] || names=$names,DNS:$host
    make_certificate_for "$names" >"$secure_folder/openssl.new" 2>&1 || { cat "$secure_folder/openssl.new" >&2; return 1; }
    rm -f "$secure_folder"/*.new || return 1
    echo "made a certificate for $names, for a year: $secure_folder/certificate.pem; clients trust $secure_folder/ca.pem"
}

make_certificate_for() (
    cd "$secure_folder" && serial=$(openssl rand -hex 16) || exit 1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=Daybook on this machine" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout ca-key.new -out ca.new &&
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
            -keyout certificate-key.new -out request.new &&
        printf '%s\n' "subjectAltName=$1" basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
            extendedKeyUsage=serverAuth,clientAuth subjectKeyIdentifier=hash authorityKeyIdentifier=keyid >extensions.new &&
        openssl x509 -req -in request.new -CA ca.new -CAkey ca-key.new -set_serial "0x$serial" -days 365 \
            -extfile extensions.new -out certificate.new &&
        # The authority is not trusted while there is its key. The certificate is the last: with it, all are there.
        rm ca-key.new && mv certificate-key.new certificate.key && mv ca.new ca.pem && mv certificate.new certificate.pem
)

# The log's own key, and one for each peer, with the peer's role. A peer whose key the log would not admit gets another one.
make_keys() {
    local daybook=$1 peers=$secure_folder/peers.jsonl peer name role admitted=
    if ! [ -e "$secure_folder/event-log.pub" ]; then
        make_key "$daybook" event-log && keep_key event-log || return 1
        echo "made the key of the event log: $secure_folder/event-log.key"
    fi
    [ ! -e "$peers" ] || admitted=$("$daybook" keys list --peers "$peers") || return 1
    for peer in command:append query:read daybook:operate subscriber:read; do
        name=${peer%:*} role=${peer#*:}
        ! is_kept "$name" "$admitted" || continue
        # Without it, the pair is not taken for one in use, should this be interrupted.
        rm -f "$secure_folder/$name.pub" || return 1
        make_key "$daybook" "$name" || return 1
        # One of that name may be left of a time when this was interrupted; if it can't be removed, the next step says so.
        "$daybook" keys revoke "$name" --peers "$peers" >/dev/null 2>&1 || true
        "$daybook" keys allow "$name" --role "$role" --key "$(cat "$secure_folder/$name.new")" --peers "$peers" >&2 || return 1
        keep_key "$name" || return 1
        echo "made the key of the peer $name, which may $role: $secure_folder/$name.key"
    done
}

# is_kept NAME ADMITTED: whether there is a pair in use, and its public half in that list of peers.
is_kept() {
    [ -e "$secure_folder/$1.key" ] && [ -s "$secure_folder/$1.pub" ] && grep -qF -f "$secure_folder/$1.pub" <<<"$2"
}

# make_key DAYBOOK NAME: a pair, whose public half is in NAME.new.
make_key() {
    while :; do
        rm -f "$secure_folder/$2.key" || return 1
        "$1" keys new "$2" --out "$secure_folder/$2.key" >"$secure_folder/$2.new" || return 1
        # A key may have this by chance, which has a meaning of its own in files of settings.
        grep -qF '${' "$secure_folder/$2.new" || return 0
    done
}

# keep_key NAME: the pair is in use from now on. One for which that was not said, since the making was interrupted, is made
# anew.
keep_key() { mv "$secure_folder/$1.new" "$secure_folder/$1.pub"; }

# A token of each role, under the role's name.
make_tokens() {
    local daybook=$1 role token made=
    [ ! -e "$secure_folder/tokens.jsonl" ] || return 0
    rm -f "$secure_folder/tokens.new" || return 1
    for role in reader teller manager auditor operator; do
        token=$("$daybook" token new "$role" --role "$role" --tokens "$secure_folder/tokens.new" 2>"$secure_folder/said.new") ||
            { cat "$secure_folder/said.new" >&2; return 1; }
        made+=$(printf '    %-9s %s' "$role" "$token")$'\n'
    done
    mv "$secure_folder/tokens.new" "$secure_folder/tokens.jsonl" || return 1
    rm -f "$secure_folder"/tokens.new* "$secure_folder/said.new"
    printf 'made a token of each role. They are shown this once, and kept nowhere:\n\n%s\n' "$made"
}

# The settings of all three services and of the tool, for a shell to read too.
make_settings() {
    [ ! -e "$secure_settings" ] || return 0
    local log_key
    log_key=$(cat "$secure_folder/event-log.pub") || return 1
    cat >"$secure_settings.new" <<END || return 1
HTTP_TLS_CERTIFICATE=$secure_folder/certificate.pem
HTTP_TLS_PRIVATE_KEY=$secure_folder/certificate.key
QUERY_URL_CA=$secure_folder/ca.pem
ACCESS_TOKENS=$secure_folder/tokens.jsonl
EVENT_LOG_SECRET_KEY=$secure_folder/event-log.key
EVENT_LOG_PEERS=$secure_folder/peers.jsonl
EVENT_LOG_PUBLIC_KEY='$log_key'
PEER_SECRET_KEY=$secure_folder/daybook.key
DAYBOOK_CA=$secure_folder/ca.pem
END
    mv "$secure_settings.new" "$secure_settings" || return 1
    echo "wrote the settings: $secure_settings"
}
