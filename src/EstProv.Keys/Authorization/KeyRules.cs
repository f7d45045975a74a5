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

    private sealed record Rule(string Pattern, KeyRights Rights);
}
