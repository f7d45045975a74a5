using EstProv.Configuration.Identityd;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// <c>source = "manual"</c>: hub and device id stand in the configuration. The hub is asked all the same, since nobody else can say whether
/// it takes the credential.
/// </summary>
internal sealed class ManualSource(ManualProvisioning settings, HubProof proof) : IProvisioningSource
{
    /// <summary>
    /// RFC 5280, appendix A.1: ub-common-name. A longer name cannot be asked for, and a certificate without it may still be known by its
    /// thumbprint.
    /// </summary>
    private const int LongestCommonName = 64;

    public ProvisioningSettings Settings => settings;

    public string Place => proof.Url.GetLeftPart(UriPartial.Authority);

    public string? CommonName => settings.DeviceId.Length <= LongestCommonName ? settings.DeviceId : null;

    /// <summary>
    /// A hub that knows the device by thumbprint refuses every new certificate until its operator has registered that one: yet another one
    /// would never be the registered one.
    /// </summary>
    public bool KeepsRefused => true;

    public Assignment? Known { get; } = new(settings.Hub, settings.DeviceId);

    public string NameOf(ShownCredential shown) => settings.DeviceId;

    public async Task<Assignment> ProveAsync(ShownCredential shown, string name, CancellationToken cancel)
    {
        await proof.ProveAsync(shown, cancel);
        return new Assignment(settings.Hub, settings.DeviceId);
    }
}
