using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Issuing;

/// <summary>One part of a policy and where it stands.</summary>
/// <param name="Table">For messages: the table's name and line, or that nothing is configured.</param>
internal readonly record struct PolicyPart<T>(T Value, string Table);

/// <summary>What one caller's request for one certificate id may ask, each part taken from the nearest table that says something of it.</summary>
internal sealed class EffectivePolicy
{
    public required string CertId { get; init; }

    public required PolicyPart<IReadOnlyList<string>> Subject { get; init; }

    public required PolicyPart<IReadOnlyList<string>> AlternativeNames { get; init; }

    public required PolicyPart<IReadOnlyList<string>> Usages { get; init; }

    public required PolicyPart<bool> Ca { get; init; }

    public required int PathLength { get; init; }
}

internal static class CsrPolicies
{
    private static readonly string[] Anything = ["*"];
    private static readonly string[] Both = ["server", "client"];
    private static readonly string[] Server = ["server"];
    private static readonly string[] Client = ["client"];
    private static readonly string[] NamesOfServers = ["DNS:*", "IP:*"];
    private static readonly string[] NamesOfModules = ["DNS:*", "URI:*"];

    /// <param name="caller"><c>[principal.csr]</c>; null for none.</param>
    /// <param name="issuance"><c>[cert_issuance.ID]</c>; null for none.</param>
    public static EffectivePolicy Of(string certId, CsrPolicy? caller, CertificateIssuance? issuance)
    {
        var own = issuance?.Csr;
        PolicyPart<T> Part<T>(Func<CsrPolicy, T?> part, T otherwise)
            where T : class
        {
            if (caller is not null && part(caller) is { } callers) return new(callers, Where(caller, "[principal.csr]"));
            return own is not null && part(own) is { } all ? new(all, Where(own, $"[cert_issuance.{certId}.csr]")) : new(otherwise, "the default");
        }

        var ca = caller?.Ca is { } callersCa ? new PolicyPart<bool>(callersCa, Where(caller, "[principal.csr]"))
            : own?.Ca is { } allCa ? new PolicyPart<bool>(allCa, Where(own, $"[cert_issuance.{certId}.csr]"))
            : new PolicyPart<bool>(false, "the default");
        return new EffectivePolicy
        {
            CertId = certId,
            Subject = Part<IReadOnlyList<string>>(static policy => policy.Subject, Anything),
            AlternativeNames = Part<IReadOnlyList<string>>(static policy => policy.AlternativeNames, DefaultNames(certId)),
            Usages = Part<IReadOnlyList<string>>(static policy => policy.Usages, DefaultUsages(certId, issuance)),
            Ca = ca,
            PathLength = caller?.PathLength ?? own?.PathLength ?? 0,
        };
    }

    private static string Where(CsrPolicy policy, string table) => $"{table} ({policy.Position})";

    private static string[] DefaultNames(string certId) => certId switch
    {
        CertificateProfiles.ModuleServer => NamesOfServers,
        CertificateProfiles.ModuleId => NamesOfModules,
        _ => Anything,
    };

    private static string[] DefaultUsages(string certId, CertificateIssuance? issuance) => issuance?.Profile switch
    {
        IssuanceProfile.Server => Server,
        IssuanceProfile.Client => Client,
        _ => certId switch
        {
            CertificateProfiles.ModuleServer => Server,
            CertificateProfiles.ModuleId => Client,
            _ => Both,
        },
    };
}
