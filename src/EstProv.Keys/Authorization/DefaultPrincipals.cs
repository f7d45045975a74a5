using EstProv.Configuration.Keyd;

namespace EstProv.Keys.Authorization;

/// <summary>Whom the Key Service admits without being told: the two other daemons, to what they need.</summary>
internal static class DefaultPrincipals
{
    public const string CertificatesUser = "estprov-certd";
    public const string IdentityUser = "estprov-identityd";

    /// <summary>What the keys of module identities are derived from.</summary>
    public const string MasterIdentityKey = "aziot_identityd_master_id";

    /// <summary>
    /// The principals of the configuration and the two daemons. Who is listed by the operator has the rights listed, and no others. Where a
    /// daemon's user does not exist, as on a developer's machine, the Key Service's own user takes its place.
    /// </summary>
    /// <param name="findUser">uid by name, null when there is no such user.</param>
    public static List<KeyPrincipal> AddTo(IReadOnlyList<KeyPrincipal> listed, Func<string, uint?> findUser, uint self)
    {
        var all = new List<KeyPrincipal>(listed);
        Add(all, listed, findUser(CertificatesUser), self, ["*"], KeyRights.Use | KeyRights.Generate | KeyRights.Delete);
        Add(all, listed, findUser(IdentityUser), self, ["device-id", "aziot_identityd_*"], KeyRights.Use | KeyRights.Generate);
        // Modules' keys, which it registers in the hub; the master key itself is no derived one, and stays.
        Add(all, listed, findUser(IdentityUser), self, [MasterIdentityKey], KeyRights.Export);
        return all;
    }

    private static void Add(
        List<KeyPrincipal> all, IReadOnlyList<KeyPrincipal> listed, uint? user, uint self, IReadOnlyList<string> keys, KeyRights rights)
    {
        foreach (var principal in listed)
        {
            if (principal.Uid == user) return;
        }

        all.Add(new KeyPrincipal { Uid = user ?? self, Keys = keys, Rights = rights });
    }
}
