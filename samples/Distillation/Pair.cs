using System.Text.Json;
using EdgeSdk.Modeling;
using EdgeSdk.Models;
using EdgeSdk.Runtime;

namespace EdgeSdk.Distillation;

/// <summary>The folders of the finished pair.</summary>
internal static class Pair
{
    /// <summary>The dialogues' licence asks it of what is made from them.</summary>
    private const string Licence = "CC-BY-SA-4.0";

    /// <summary>Loads a model; where its graph is missing, or is of an older checkpoint, it is made first, in place.</summary>
    public static async Task<OnnxModel> LoadAsync(string folder, OnnxModelOptions options, CancellationToken cancellationToken)
    {
        if (!IsReady(folder))
        {
            await Converter.ConvertAsync(folder, folder, new ConvertOptions { Force = true }, cancellationToken: cancellationToken);
            Note(folder, manifest => manifest with { Licence = Licence });
        }

        return await OnnxModel.LoadAsync(folder, options, cancellationToken: cancellationToken);
    }

    /// <summary>Writes Auto's rule into the device's <c>edge.json</c>.</summary>
    public static void Note(string folder, RoutingThresholds rule) => Note(folder, manifest => manifest with { Routing = rule });

    private static bool IsReady(string folder)
    {
        try
        {
            return ModelFolder.Open(folder).Manifest is not null;
        }
        catch (EdgeException e) when (e.Code == EdgeErrorCode.InvalidModel)
        {
            return false;
        }
    }

    private static void Note(string folder, Func<EdgeManifest, EdgeManifest> change)
    {
        string path = Path.Combine(folder, EdgeManifest.FileName);
        using JsonDocument json = ModelJson.Parse(path);
        ModelJson.Write(path, change(ModelJson.Read(json, ModelJson.EdgeManifest, path)), ModelJson.EdgeManifest);
    }
}
