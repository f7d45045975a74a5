using System.Text.Json;

namespace EstProv.Identity.Hub;

/// <summary>By what a module shows its hub who it is, as its registration says it.</summary>
internal abstract class ModuleAuthentication : IDisposable
{
    /// <summary>The member <c>authentication</c> of a module identity.</summary>
    public abstract void Write(Utf8JsonWriter json);

    public abstract void Dispose();
}
