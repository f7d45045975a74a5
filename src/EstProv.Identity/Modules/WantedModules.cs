using EstProv.Configuration.Identityd;
using EstProv.Identity.Api;

namespace EstProv.Identity.Modules;

/// <summary>The modules that principals are.</summary>
internal sealed class WantedModules
{
    /// <summary>Those that show tokens, by name.</summary>
    public SortedSet<string> WithKeys { get; } = new(StringComparer.Ordinal);

    /// <summary>Those that show certificates, by name.</summary>
    public SortedSet<string> Certified { get; } = new(StringComparer.Ordinal);

    public int Count => WithKeys.Count + Certified.Count;

    /// <summary>All of it in one text. The names have no line feed.</summary>
    public string Text => $"{string.Join('\n', WithKeys)}\n\n{string.Join('\n', Certified)}";

    public static WantedModules Of(IReadOnlyList<IdentityPrincipal> principals)
    {
        var wanted = new WantedModules();
        foreach (var principal in principals)
        {
            foreach (var type in principal.IdTypes)
            {
                if (type == IdentityRights.Module) (principal.IsCertified ? wanted.Certified : wanted.WithKeys).Add(principal.Name);
            }
        }

        return wanted;
    }

    public bool Contains(string moduleId) => WithKeys.Contains(moduleId) || Certified.Contains(moduleId);
}
