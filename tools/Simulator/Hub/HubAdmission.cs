namespace EstProv.Simulator.Hub;

/// <summary>Who was admitted: the device, or a module for what is its own.</summary>
internal sealed record HubAdmission(string Credential, bool IsModule);
