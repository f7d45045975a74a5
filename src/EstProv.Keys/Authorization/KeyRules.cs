using System.Text;
using EstProv.Configuration.Keyd;
using EstProv.LocalApi.Access;

namespace EstProv.Keys.Authorization;

/// <summary>What the principals of one configuration may do. Of several entries for one user each gives what it says.</summary>
internal sealed class KeyRules
{
    private readonly Dictionary<uint, Rule[]> _rules = [];

    public KeyRules(IReadOnlyList<KeyPrincipal> principals)
    {
        foreach (var group in principals.GroupBy(static principal => principal.Uid))
        {
            _rules[group.Key] = [.. group.SelectMany(static principal => principal.Keys.Select(pattern => new Rule(pattern, principal.Rights)))];
        }
    }

    public bool Allow(uint uid, ReadOnlySpan<char> keyId, KeyRights right)
    {
        if (!_rules.TryGetValue(uid, out var rules)) return false;
        foreach (var rule in rules)
        {
            if ((rule.Rights & right) == right && Wildcard.Matches(rule.Pattern, keyId)) return true;
        }

        return false;
    }

    /// <summary>
    /// Whether a user who has no right to a base key has one to this key derived from it: <c>BASE/DATA</c>, each a pattern, where the derivation data is
    /// printable ASCII. A pattern without the slash is one of key ids, and gives nothing here.
    /// </summary>
    public bool AllowDerived(uint uid, ReadOnlySpan<char> baseKeyId, ReadOnlySpan<byte> data, KeyRights right)
    {
        if (!_rules.TryGetValue(uid, out var rules) || data.ContainsAnyExceptInRange((byte)'!', (byte)'~')) return false;
        foreach (var rule in rules)
        {
            if ((rule.Rights & right) != right || rule.Pattern.IndexOf('/', StringComparison.Ordinal) is not (>= 0 and var slash)) continue;
            if (Wildcard.Matches(rule.Pattern.AsSpan(0, slash), baseKeyId)
                && Wildcard.Matches(rule.Pattern.AsSpan(slash + 1), Encoding.ASCII.GetString(data))) return true;
        }

        return false;
    }

    private sealed record Rule(string Pattern, KeyRights Rights);
}
