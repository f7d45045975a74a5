namespace EstProv.Identity.Provisioning;

/// <summary>A symmetric key of the device, which is and stays in the Key Service.</summary>
internal sealed class DeviceKey(string keyId) : ShownCredential
{
    public override string Id => keyId;

    public override string Description => $"symmetric key {keyId}";

    public override void Dispose()
    {
        // Nothing of it is here.
    }
}
