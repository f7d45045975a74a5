using EstProv.Configuration.Keyd;
using EstProv.LocalApi.Access;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Authorization;

/// <summary>Decides by the caller's uid what it may do with a key id. Nobody is admitted silently, root neither.</summary>
/// <param name="rules">Those in force; asked at every decision, since they change while the daemon runs.</param>
internal sealed class Authorizer(Func<KeyRules> rules, DenialLog denials)
{
    /// <summary>Of principals that do not change.</summary>
    public Authorizer(IReadOnlyList<KeyPrincipal> principals, TimeProvider time, ILogger logger)
        : this(Fixed(principals), new DenialLog(logger, time))
    {
    }

    public bool IsAllowed(uint uid, ReadOnlySpan<char> keyId, KeyRights right) => rules().Allow(uid, keyId, right);

    /// <summary>The same for a key that is derived from <paramref name="baseKeyId"/>: a right to the base key, or to this one alone.</summary>
    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void DemandDerived(Caller caller, ReadOnlySpan<char> baseKeyId, ReadOnlySpan<byte> data, KeyRights right)
    {
        if (!rules().AllowDerived(caller.Uid, baseKeyId, data, right)) Demand(caller, baseKeyId, right);
    }

    /// <exception cref="ProblemException"><c>forbidden</c>, 401.</exception>
    public void Demand(Caller caller, ReadOnlySpan<char> keyId, KeyRights right)
    {
        if (IsAllowed(caller.Uid, keyId, right)) return;
        var key = keyId.ToString();
        var needed = right.ToString().ToLowerInvariant();
        denials.Denied(new PeerCredentials(caller.Uid, uint.MaxValue, caller.Pid), $"{needed} the key '{key}'");
        throw new ProblemException("forbidden", $"user {caller.Uid} is not authorized to access the key {key}",
            $"give the user the right '{needed}' on this key id in a [[principal]] of the Key Service's configuration", 401);
    }

    private static Func<KeyRules> Fixed(IReadOnlyList<KeyPrincipal> principals)
    {
        var rules = new KeyRules(principals);
        return () => rules;
    }
}
