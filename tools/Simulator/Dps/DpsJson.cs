using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace EstProv.Simulator.Dps;

/// <summary>DeviceRegistrationResult (learn.microsoft.com/rest/api/iot-dps/device/runtime-registration/register-device).</summary>
internal static class DpsJson
{
    public static JsonObject State(DpsRegistration r)
    {
        var state = new JsonObject
        {
            [r.Thumbprint is null ? "symmetricKey" : "x509"] = Attestation(r),
            ["registrationId"] = r.RegistrationId,
            ["createdDateTimeUtc"] = Stamp(r.Created),
            ["lastUpdatedDateTimeUtc"] = Stamp(r.Updated),
            ["status"] = r.Status,
            ["etag"] = r.Etag,
        };
        if (r.AssignedHub is not null)
        {
            state["assignedHub"] = r.AssignedHub;
            state["deviceId"] = r.DeviceId;
            state["substatus"] = r.Substatus;
        }

        if (r.ErrorCode is { } code)
        {
            state["errorCode"] = code;
        }

        if (r.ErrorMessage is { } message)
        {
            state["errorMessage"] = message;
        }

        if (r is { Status: "assigned", Payload: { } payload })
        {
            state["payload"] = payload.DeepClone();
        }

        return state;
    }

    public static string Stamp(DateTimeOffset time) => Stamp(time.UtcDateTime);

    private static string Stamp(DateTime utc) => utc.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    private static JsonObject Attestation(DpsRegistration r)
    {
        var attestation = new JsonObject();
        if (r.EnrollmentGroupId is not null)
        {
            attestation["enrollmentGroupId"] = r.EnrollmentGroupId;
        }

        if (r.Certificates is not null)
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(r.Certificates);
            attestation["certificateInfo"] = Certificate(certificates[0]);
            if (certificates.Count > 1)
            {
                attestation["signingCertificateInfo"] = Certificate(certificates[1]);
            }
        }

        return attestation;
    }

    private static JsonObject Certificate(X509Certificate2 c) => new()
    {
        ["subjectName"] = c.Subject,
        ["sha1Thumbprint"] = c.Thumbprint,
        ["sha256Thumbprint"] = c.GetCertHashString(HashAlgorithmName.SHA256),
        ["issuerName"] = c.Issuer,
        ["notBeforeUtc"] = Stamp(c.NotBefore.ToUniversalTime()),
        ["notAfterUtc"] = Stamp(c.NotAfter.ToUniversalTime()),
        ["serialNumber"] = c.SerialNumber,
        ["version"] = c.Version,
    };
}
