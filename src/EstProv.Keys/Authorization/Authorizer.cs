using EstProv.Configuration.Keyd;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Authorization;

/// <summary>Decides by the caller's uid what it may do with a key id. Nobody is admitted silently, root neither.</summary>
internal sealed partial class Authorizer
{
    private readonly Dictionary<uint, Rule[]> _rules = [];
    private readonly DenialLimiter _limiter;
    private readonly ILogger _logger;

    public Authorizer(IReadOnlyList<KeyPrincipal> principals, TimeProvider time, ILogger logger)
    {
        _limiter = new DenialLimiter(time);
        _logger = logger;
        foreach (var group in principals.GroupBy(static principal => principal.Uid))
        {
            _rules[group.Key] = [.. group.SelectMany(static principal => principal.Keys.Select(pattern => new Rule(pattern, principal.Rights)))];
        }
    }

    public bool IsAllowed(uint uid, ReadOnlySpan<char> keyId, KeyRights right)
    {
        if (!_rules.TryGetValue(uid, out var rules)) return false;
        foreach (var rule in rules)
        {
            if ((rule.Rights & right) == right && Wildcard.Matches(rule.Pattern, keyId)) return true;
        }

        return false;
    }

    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void Demand(Caller caller, ReadOnlySpan<char> keyId, KeyRights right)
    {
        if (IsAllowed(caller.Uid, keyId, right)) return;
        var key = keyId.ToString();
        var needed = right.ToString().ToLowerInvariant();
        if (_limiter.MayLog(caller.Uid, out var suppressed)) Log.Denied(_logger, caller.Uid, caller.Pid, key, needed, suppressed);
        throw new ProblemException("forbidden", $"user {caller.Uid} is not authorized to access the key {key}",
            $"give the user the right '{needed}' on this key id in a [[principal]] of the Key Service's configuration", 401);
    }

    private sealed record Rule(string Pattern, KeyRights Rights);

    private static partial class Log
    {
        [LoggerMessage(23, LogLevel.Warning, "denied: user {Uid} (pid {Pid}) has no right to {Right} key '{Key}' ({Suppressed} denials not logged before)")]
        public static partial void Denied(ILogger logger, uint uid, int pid, string key, string right, int suppressed);
    }
}
