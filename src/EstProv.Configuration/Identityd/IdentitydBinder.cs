using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Identityd;

/// <summary>From the tree to <see cref="IdentitydConfiguration"/>.</summary>
internal static class IdentitydBinder
{
    public static IdentitydConfiguration Bind(TomlView root, BindContext context)
    {
        return new IdentitydConfiguration
        {
            HomedirPath = root.Text(IdentitydSchema.HomedirPath)?.Value ?? CommonSettings.DefaultHomedir(IdentitydSchema.Daemon),
            MaxRequests = (int)(root.Integer(CommonSettings.MaxRequests)?.Value ?? CommonSettings.DefaultMaxRequests),
            AliasSockets = root.TextList(IdentitydSchema.AliasSockets)?.Value ?? [],
            Provisioning = ProvisioningBinder.Bind(root.Table(ProvisioningSchema.Provisioning), context),
            LocalId = LocalId(root.Table(LocalIdSchema.LocalId)),
            Principals = Principals(root, context),
        };
    }

    private static LocalIdSettings? LocalId(TomlView table) => table.Exists
        ? new LocalIdSettings { Domain = table.Text(LocalIdSchema.Domain)?.Value ?? "", CertId = table.Text(LocalIdSchema.CertId)?.Value }
        : null;

    private static List<IdentityPrincipal> Principals(TomlView root, BindContext context)
    {
        var principals = new List<IdentityPrincipal>();
        var auths = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var principal in root.Repeated(IdentitydSchema.Principal))
        {
            var types = principal.TextList(IdentitydSchema.IdType)?.Value ?? [];
            CheckLocal(root, principal, types, context.Problems);
            CheckAuth(principal, types, auths, context.Problems);
            if (Schema.Principals.Uid(principal, context.FindUser, context.Problems) is not { } uid) continue;
            principals.Add(new IdentityPrincipal
            {
                Uid = uid,
                Name = principal.Text(IdentitydSchema.ModuleName)?.Value ?? "",
                IdTypes = types,
                IsCertified = principal.Text(IdentitydSchema.Auth)?.Value == IdentitydSchema.X509,
                IsLocalServer = principal.Table(LocalIdSchema.Options).Text(LocalIdSchema.Attributes)?.Value == LocalIdSchema.Server,
            });
        }

        return principals;
    }

    /// <param name="auths">Of the modules before this one, by name.</param>
    private static void CheckAuth(TomlView principal, IReadOnlyList<string> types, Dictionary<string, string> auths, Problems problems)
    {
        var isModule = false;
        foreach (var type in types) isModule |= type == IdentitydSchema.Module;
        var auth = principal.Text(IdentitydSchema.Auth);
        if (auth is { } given && !isModule)
        {
            problems.Error(given.Position, "principal.auth is of no use: the principal's idtype has no \"module\"",
                "add \"module\" to its idtype, or remove auth");
        }

        if (!isModule || principal.Text(IdentitydSchema.ModuleName) is not { } name) return;
        var chosen = auth?.Value ?? IdentitydSchema.Sas;
        if (!auths.TryAdd(name.Value, chosen) && auths[name.Value] != chosen)
        {
            problems.Error((auth ?? name).Position, $"principal.auth of the module \"{name.Value}\" is another one than in the principal before",
                "say the same in all of them: a module shows its hub one thing");
        }

        var longest = Forms.LongestId - IdentityPrincipal.ModuleCertificates.Length;
        if (chosen == IdentitydSchema.X509 && name.Value.Length > longest)
        {
            problems.Error(name.Position, $"principal.name is longer than {longest} characters, which is too long for auth = \"x509\"",
                $"shorten it: \"{IdentityPrincipal.ModuleCertificates}\" and the name make the id of its certificate");
        }
    }

    private static void CheckLocal(TomlView root, TomlView principal, IReadOnlyList<string> types, Problems problems)
    {
        var isLocal = false;
        foreach (var type in types) isLocal |= type == IdentitydSchema.Local;
        var options = principal.Table(LocalIdSchema.Options);
        if (options.Exists && !isLocal)
        {
            problems.Error(options.Position, "[principal.localid] is of no use: the principal's idtype has no \"local\"", "add \"local\" to its idtype, or remove the table");
        }

        if (isLocal && !root.Table(LocalIdSchema.LocalId).Exists)
        {
            problems.Error(principal.TextList(IdentitydSchema.IdType)!.Value.Position, "principal.idtype has \"local\", and there is no [localid]", "add [localid] with domain = \"…\"");
        }
    }
}
