using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using EstProv.Identity.Provisioning;
using EstProv.LocalApi.Server;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>The device's identity as an answer, made once for each assignment and handle: it is what callers ask for most.</summary>
/// <param name="gateway">The host that takes the device's requests.</param>
internal sealed class DeviceAnswer(ProvisioningStatus status, KeydQueries keyd, KeyHandles handles, Func<ProvisionedState, string> gateway)
{
    private volatile Made? _made;

    private sealed record Made(ProvisionedState State, string Handle, byte[] Body);

    /// <exception cref="ProblemException"><c>not_provisioned</c>, keyd's.</exception>
    public void Write(LocalResponse response)
    {
        var state = status.Require();
        var handle = handles.Get(state.KeyId, state.Auth is DeviceAuth.Sas ? keyd.SymmetricHandle : keyd.PairHandle);
        var made = _made;
        if (made is null || !ReferenceEquals(made.State, state) || !ReferenceEquals(made.Handle, handle))
            _made = made = new Made(state, handle, Make(state, handle));
        response.Bytes(made.Body, "application/json");
    }

    private byte[] Make(ProvisionedState state, string handle)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        IdentityJson.WriteDevice(json, state, gateway(state), handle);
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
