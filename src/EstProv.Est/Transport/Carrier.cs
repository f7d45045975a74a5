namespace EstProv.Est.Transport;

/// <summary>What a request goes over, and its body.</summary>
/// <param name="Body">Null for a GET.</param>
/// <param name="Owned">What is closed after the answer; null when the connection is shared.</param>
internal sealed record Carrier(HttpClient Http, byte[]? Body, IDisposable? Owned = null) : IDisposable
{
    public void Dispose() => Owned?.Dispose();
}
