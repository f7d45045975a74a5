using System.Text.Json;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary><c>provisioned.json</c> in the state folder: one JSON object, written as a whole or not at all.</summary>
/// <remarks>
/// Version 1 is DPS with a certificate and knows nothing else; version 2 adds <c>source</c> and <c>auth</c>. What version 1 can say is
/// still written as version 1, so that the release before, booted from the other slot after an update that failed, knows who the device is.
/// </remarks>
internal sealed class ProvisionedStore(string folder)
{
    private const int FirstVersion = 1, SecondVersion = 2;

    private const int LargestFile = 64 * 1024;

    public string Path { get; } = System.IO.Path.Combine(folder, "provisioned.json");

    /// <summary>
    /// Null when there is none, or none that can be understood (<paramref name="problem"/> says why): then the device registers again.
    /// </summary>
    public ProvisionedState? Read(out ProblemException? problem)
    {
        problem = null;
        try
        {
            var file = new FileInfo(Path);
            if (!file.Exists) return null;
            var state = file.Length <= LargestFile ? Parse(File.ReadAllBytes(Path)) : null;
            if (state is null) problem = Damaged("it is not what this program writes");
            return state;
        }
        catch (JsonException cause)
        {
            problem = Damaged("it is not JSON", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            problem = new ProblemException("state_unreadable", $"cannot read {Path}",
                "the state folder must belong to the daemon's user; the device registers again", inner: cause);
        }

        return null;
    }

    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_*</c>: the old content stands.</exception>
    public void Write(ProvisionedState state)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            var isFirst = state is { Source: ProvisioningWords.Dps, Auth: DeviceAuth.X509 };
            json.WriteNumber("version", isFirst ? FirstVersion : SecondVersion);
            if (!isFirst)
            {
                json.WriteString("source", state.Source);
                json.WriteString("auth", Word(state.Auth));
            }

            json.WriteString("hub", state.Hub);
            json.WriteString("device", state.DeviceId);
            json.WriteString("registrationId", state.RegistrationId);
            json.WriteString("endpoint", state.Endpoint);
            json.WriteString("scope", state.ScopeId);
            if (state.ConfiguredRegistrationId is { } configured) json.WriteString("configuredRegistrationId", configured);
            json.WriteString("certificateId", state.CertificateId);
            json.WriteString("keyId", state.KeyId);
            json.WriteString("certificate", state.Certificate);
            json.WriteString("spki", state.Spki);
            json.WriteString("since", Utc.Format(state.Since));
            json.WriteEndObject();
        }

        AtomicFile.Write(Path, buffer.ToArray());
    }

    private static ProvisionedState? Parse(byte[] content)
    {
        using var document = JsonDocument.Parse(content, new JsonDocumentOptions { MaxDepth = 4, AllowDuplicateProperties = false });
        var root = document.RootElement;
        if (root.ValueKind is not JsonValueKind.Object || !root.TryGetProperty("version", out var version)
            || version.ValueKind is not JsonValueKind.Number || !version.TryGetInt32(out var number)
            || number is not (FirstVersion or SecondVersion)) return null;
        var (source, auth) = number == FirstVersion
            ? (ProvisioningWords.Dps, DeviceAuth.X509) : (Text(root, "source"), Auth(Text(root, "auth")));
        if (source is not (ProvisioningWords.Dps or ProvisioningWords.Manual or ProvisioningWords.None)) return null;
        if (auth is not { } shows) return null;
        if (Text(root, "hub") is not { } hub || Text(root, "device") is not { } device
            || Text(root, "registrationId") is not { } registrationId
            || Text(root, "endpoint") is not { } endpoint || Text(root, "scope") is not { } scope
            || Text(root, "certificateId") is not { } certificateId || Text(root, "keyId") is not { } keyId
            || Text(root, "certificate") is not { } certificate || Text(root, "spki") is not { } spki
            || Utc.Parse(Text(root, "since")) is not { } since) return null;
        return new ProvisionedState
        {
            Hub = hub,
            DeviceId = device,
            RegistrationId = registrationId,
            Source = source,
            Auth = shows,
            Endpoint = endpoint,
            ScopeId = scope,
            ConfiguredRegistrationId = Text(root, "configuredRegistrationId"),
            CertificateId = certificateId,
            KeyId = keyId,
            Certificate = certificate,
            Spki = spki,
            Since = since,
        };
    }

    private static string Word(DeviceAuth auth) => auth switch
    {
        DeviceAuth.X509 => "x509",
        DeviceAuth.Sas => "sas",
        _ => "none",
    };

    private static DeviceAuth? Auth(string? word) => word switch
    {
        "x509" => DeviceAuth.X509,
        "sas" => DeviceAuth.Sas,
        "none" => DeviceAuth.None,
        _ => null,
    };

    private static string? Text(JsonElement root, string name)
        => root.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

    private ProblemException Damaged(string why, Exception? cause = null)
        => new("state_damaged", $"{Path} cannot be used: {why}", "nothing to do: the device registers again and the file is written anew",
            inner: cause);
}
