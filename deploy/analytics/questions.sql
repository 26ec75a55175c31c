-- How much money lies in the accounts, by currency?
-- Sums are of whole minor units, so they are exact. money(units, digits), which table.py provides, only writes them
-- with their point; in another SQLite shell, put the plain units in its place.
SELECT
    currency,
    count(DISTINCT account) AS accounts,
    money(sum(minor_units), fraction_digits) AS balance
FROM movements JOIN accounts USING (account)
GROUP BY currency, fraction_digits
ORDER BY currency;

-- How much of it is held now, by currency?
-- A hold whose time is over holds nothing, also before the log records that it expired.
SELECT
    currency,
    count(*) AS holds,
    money(sum(minor_units), fraction_digits) AS held
FROM holds JOIN accounts USING (account)
WHERE resolution IS NULL AND (expires_at IS NULL OR expires_at > unixepoch() * 1000000)
GROUP BY currency, fraction_digits
ORDER BY currency;

-- How much came into the ledger and left it, hour by hour and by currency?
-- Initial balances count as money that came in; what moved between accounts did neither. Times of records never decrease,
-- so a closed hour stays as it is.
SELECT
    strftime('%Y-%m-%dT%H:00Z', recorded_at / 1000000, 'unixepoch') AS hour,
    currency,
    count(*) AS movements,
    money(sum(max(minor_units, 0)), fraction_digits) AS came_in,
    money(sum(max(-minor_units, 0)), fraction_digits) AS went_out
FROM movements JOIN accounts USING (account)
WHERE counterparty IS NULL
GROUP BY hour, currency, fraction_digits
ORDER BY hour, currency;

-- Which five accounts lost most from their highest balance, and where did they stand then and at the lowest after it?
-- Only a history can tell: a table of balances has forgotten. The running sum gives the balance after every event.
-- Accounts are compared in whole units of their own currency; there are no exchange rates in a ledger.
WITH balances AS (
    SELECT account, position, sum(minor_units) OVER (PARTITION BY account ORDER BY position) AS balance
    FROM movements
), peaks AS (
    SELECT account, position, balance, max(balance) OVER (PARTITION BY account ORDER BY position) AS peak
    FROM balances
), falls AS (
    SELECT account, position, peak, balance, peak - balance AS lost,
        row_number() OVER (PARTITION BY account ORDER BY peak - balance DESC, position) AS place
    FROM peaks
), scales (fraction_digits, per_whole) AS (
    VALUES (0, 1), (1, 10), (2, 100), (3, 1000), (4, 10000)
)
SELECT
    account,
    owner,
    currency,
    money(peak, fraction_digits) AS highest,
    money(balance, fraction_digits) AS lowest_after,
    money(lost, fraction_digits) AS lost,
    position AS at_position
FROM falls JOIN accounts USING (account) JOIN scales USING (fraction_digits)
WHERE place = 1 AND falls.lost > 0
-- Whole units first, then what is behind the point in four digits, the most that a currency has: all in integers.
ORDER BY falls.lost / per_whole DESC, falls.lost % per_whole * (10000 / per_whole) DESC, account
LIMIT 5;
