using System.Security.Cryptography;
using EstProv.Simulator.Hub;

namespace EstProv.Simulator.Dps;

/// <summary>Decides how a registration ends, and makes the device in its hub.</summary>
internal sealed class DpsAllocation(
    SimulatorOptions options, SimulatorClock clock, DpsRegistry registry, DeviceRegistry devices, Func<string> defaultHub)
{
    // Clients of these are older than re-provisioning; without a policy their assignment stays.
    private static readonly string[] VersionsBeforePolicies = ["2017-11-15", "2018-04-01"];

    public DpsRegistration Decide(DpsOperation operation)
    {
        var before = registry.Find(operation.RegistrationId);
        var enrollment = operation.Attested.Enrollment;
        var status = operation.Fault?.State ?? (enrollment.ProvisioningStatus == ProvisioningStatus.Disabled ? "disabled" : "assigned");
        var decided = status switch
        {
            "assigned" => Assigned(operation, before, Draft(operation, before, status)),
            "failed" => Draft(operation, before, status) with
            {
                ErrorCode = operation.Fault!.ErrorCode ?? 400207,
                ErrorMessage = operation.Fault.Message ?? "Custom allocation failed with status code: 400",
            },
            "disabled" => Draft(operation, before, status) with { ErrorCode = operation.Fault?.ErrorCode, ErrorMessage = operation.Fault?.Message },
            _ => Draft(operation, before, status),
        };
        registry.Put(decided);
        return decided;
    }

    private DpsRegistration Draft(DpsOperation operation, DpsRegistration? before, string status)
    {
        var now = clock.Now;
        var attested = operation.Attested;
        var pem = attested.Path.Count == 0 ? null : string.Join('\n', attested.Path.Take(2).Select(static c => c.ExportCertificatePem()));
        return new DpsRegistration
        {
            RegistrationId = operation.RegistrationId,
            DeviceId = before?.DeviceId ?? attested.Enrollment.DeviceId ?? operation.RegistrationId,
            Status = status,
            Created = before?.Created ?? now,
            Updated = now,
            Etag = Guid.NewGuid().ToString(),
            Thumbprint = attested.Path.Count == 0 ? null : attested.Path[0].GetCertHashString(HashAlgorithmName.SHA256),
            Certificates = pem,
            Path = [.. attested.Path.Select(static c => c.Subject)],
            EnrollmentGroupId = attested.Enrollment.EnrollmentGroupId,
            RequestPayload = operation.Payload?.DeepClone(),
            Payload = attested.Enrollment.Payload?.DeepClone(),
        };
    }

    private DpsRegistration Assigned(DpsOperation operation, DpsRegistration? before, DpsRegistration draft)
    {
        var enrollment = operation.Attested.Enrollment;
        var policy = enrollment.Reprovision
            ?? (VersionsBeforePolicies.Contains(operation.ApiVersion, StringComparer.Ordinal) ? ReprovisionPolicy.Never : ReprovisionPolicy.Migrate);
        if (before?.AssignedHub is { } kept && policy == ReprovisionPolicy.Never)
        {
            return draft with { AssignedHub = kept, Substatus = before.Substatus };
        }

        var hub = registry.HubOf(operation.RegistrationId) ?? enrollment.IotHubHostName ?? defaultHub();
        var substatus = before?.AssignedHub switch
        {
            null => "initialAssignment",
            var old when old == hub => "reprovisionedToInitialAssignment",
            _ => policy == ReprovisionPolicy.Reset ? "deviceDataReset" : "deviceDataMigrated",
        };
        var credential = operation.Attested.Keys ?? (options.HubAuthentication == HubAuthentication.Ca
            ? new HubCredential { Type = "certificateAuthority" }
            : new HubCredential { Type = "selfSigned", PrimaryThumbprint = draft.Thumbprint });
        devices.Provision(draft.DeviceId, hub, credential, enrollment.IotEdge, keepsState: policy == ReprovisionPolicy.Migrate);
        return draft with { AssignedHub = hub, Substatus = substatus };
    }
}
