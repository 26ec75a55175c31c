-- Load for wrk. LOAD=open opens accounts one after another, LOAD=deposit deposits into random ones, LOAD=get reads
-- them, LOAD=transfer transfers between two random ones; with ACCOUNTS=1 it is always the same one, and with ACCOUNTS=2
-- the transfers go to and fro between the two. TOKEN is shown with each request, if it is there.
local load = os.getenv("LOAD") or "deposit"
local accounts = tonumber(os.getenv("ACCOUNTS") or "100000")
local made = 0

function setup(thread)
    thread:set("number", made)
    made = made + 1
end

function init()
    math.randomseed(number * 7919 + os.time())
    step = tonumber(os.getenv("THREADS") or "2")
    -- wrk makes one request only to see that the script works, and never sends it.
    next_account = number - step
end

local headers = { ["Content-Type"] = "application/json" }
local token = os.getenv("TOKEN")
if token then
    headers["Authorization"] = "Bearer " .. token
end
local deposit = '{"type": "Deposit", "amount": 500.0}'
-- So little that no account ever runs short of money.
local transfer = '{"type": "Transfer", "amount": 0.01, "to": "acc-%d"}'
local open = '{"type": "OpenAccount", "owner": "Alice", "initial_balance": 1000.0}'

function request()
    if load == "open" then
        local account = next_account
        next_account = next_account + step
        if account >= 0 and account < accounts then
            return wrk.format("POST", "/accounts/acc-" .. account, headers, open)
        end
        return wrk.format("GET", "/livez")
    end
    local account = math.random(0, accounts - 1)
    local path = "/accounts/acc-" .. account
    if load == "get" then
        return wrk.format("GET", path, token and headers)
    end
    if load == "transfer" then
        local other = (account + math.random(1, accounts - 1)) % accounts
        return wrk.format("POST", path, headers, string.format(transfer, other))
    end
    return wrk.format("POST", path, headers, deposit)
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
