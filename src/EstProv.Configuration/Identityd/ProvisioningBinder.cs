using EstProv.Configuration.Certd;
using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Identityd;

/// <summary>From <c>[provisioning]</c> to the record of its source, and what must hold between its keys.</summary>
/// <remarks>Where something is wrong the result is thrown away, so that what stands in for a missing value does not matter.</remarks>
internal static class ProvisioningBinder
{
    public static ProvisioningSettings Bind(TomlView provisioning, BindContext context)
    {
        var path = ProvisioningSchema.Provisioning.Name;
        VariantCheck.Run(provisioning, path, ProvisioningSchema.Source, ProvisioningSchema.Sources, context);
        var source = provisioning.Text(ProvisioningSchema.Source)?.Value;
        var attestation = provisioning.Table(ProvisioningSchema.Attestation);
        var authentication = provisioning.Table(ProvisioningSchema.Authentication);
        // A table that is out of place has been said to be, and what is in it does not matter then.
        if (source != ProvisioningSchema.Manual)
            VariantCheck.Run(attestation, $"{path}.{ProvisioningSchema.Attestation.Name}", ProvisioningSchema.AttestationMethod,
                ProvisioningSchema.Attestations, context);
        if (source is not (ProvisioningSchema.Dps or ProvisioningSchema.None))
            VariantCheck.Run(authentication, $"{path}.{ProvisioningSchema.Authentication.Name}", ProvisioningSchema.AuthenticationMethod,
                ProvisioningSchema.Authentications, context);
        ProvisioningSettings settings = source switch
        {
            ProvisioningSchema.Manual => new ManualProvisioning
            {
                Position = provisioning.Position,
                Hub = provisioning.Text(ProvisioningSchema.IotHubHostname)?.Value ?? "",
                DeviceId = provisioning.Text(ProvisioningSchema.DeviceId)?.Value ?? "",
                Authentication = Authentication(authentication, ProvisioningSchema.AuthenticationMethod, ProvisioningSchema.DeviceIdPk),
            },
            ProvisioningSchema.None => new NoneProvisioning
            {
                Position = provisioning.Position,
                RegistrationId = attestation.Text(ProvisioningSchema.RegistrationId)?.Value,
                Authentication = OwnCertificate(attestation, context),
            },
            _ => Dps(provisioning, attestation, context),
        };
        return settings with
        {
            TrustedCerts = provisioning.TextList(ProvisioningSchema.TrustedCerts),
            LocalGatewayHostname = provisioning.Text(ProvisioningSchema.LocalGatewayHostname)?.Value,
            AlwaysReprovisionOnStartup = provisioning.Boolean(ProvisioningSchema.AlwaysReprovisionOnStartup)?.Value ?? false,
            DynamicReprovisioning = provisioning.Boolean(ProvisioningSchema.DynamicReprovisioning)?.Value ?? true,
        };
    }

    private static DpsProvisioning Dps(TomlView provisioning, TomlView attestation, BindContext context)
    {
        var scope = provisioning.Text(ProvisioningSchema.ScopeId);
        if (scope is { } id && id.Value.Length > 0 && Forms.IsPlaceholder(id.Value))
        {
            context.Problems.Warn(id.Position, $"provisioning.scope_id = {Shown.Value(id.Value)} is still the placeholder",
                "put in the ID scope of your DPS instance, such as 0ne00A1B2C3: DPS refuses this one");
        }

        return new DpsProvisioning
        {
            Position = provisioning.Position,
            ScopeId = scope?.Value ?? "",
            GlobalEndpoint = Endpoint(provisioning),
            RegistrationId = attestation.Text(ProvisioningSchema.RegistrationId)?.Value,
            PayloadFile = provisioning.Table(ProvisioningSchema.Payload).Text(ProvisioningSchema.PayloadUri) is { } uri
                ? new Positioned<string>(FileUri.ToPath(uri.Value), uri.Position) : null,
            Authentication = Authentication(attestation, ProvisioningSchema.AttestationMethod, ProvisioningSchema.SymmetricKey),
        };
    }

    private static DeviceAuthentication Authentication(TomlView table, Setting method, Setting symmetricKey)
        => table.Text(method)?.Value is ProvisioningSchema.SymmetricKeyMethod or ProvisioningSchema.Sas
            ? new SymmetricKeyAuthentication { KeyId = table.Text(symmetricKey)?.Value ?? "" }
            : new CertificateAuthentication
            {
                CertificateId = table.Text(ProvisioningSchema.IdentityCert)?.Value ?? "",
                KeyId = table.Text(ProvisioningSchema.IdentityPk)?.Value ?? "",
            };

    private static CertificateAuthentication OwnCertificate(TomlView attestation, BindContext context)
    {
        if (attestation.Text(ProvisioningSchema.AttestationMethod) is { Value: ProvisioningSchema.SymmetricKeyMethod } method)
        {
            context.Problems.Error(method.Position, $"provisioning.attestation.method = {Shown.Value(method.Value)} does not go with " +
                "source = \"none\"; allowed: \"x509\"",
                "there is no server to show a key to: name the device's certificate, or leave the table out");
        }

        return new CertificateAuthentication
        {
            CertificateId = attestation.Text(ProvisioningSchema.IdentityCert)?.Value ?? ProvisioningSchema.DefaultIdentity,
            KeyId = attestation.Text(ProvisioningSchema.IdentityPk)?.Value ?? ProvisioningSchema.DefaultIdentity,
        };
    }

    private static Positioned<Uri> Endpoint(TomlView provisioning)
    {
        var text = provisioning.Text(ProvisioningSchema.GlobalEndpoint)
            ?? new(ProvisioningSchema.DefaultGlobalEndpoint, provisioning.Position);
        return new(EstUrl.ParseHttps(text.Value, out var url) is null ? url! : new Uri(ProvisioningSchema.DefaultGlobalEndpoint),
            text.Position);
    }
}
