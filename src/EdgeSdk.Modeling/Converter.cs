namespace EdgeSdk.Modeling;

/// <summary>Makes a model folder that runs (a graph, genai_config.json, edge.json, tokenizer files) from a Hugging Face checkpoint.</summary>
public static class Converter
{
    /// <summary>
    /// Converts the checkpoint in <paramref name="source"/>. The graph points into the checkpoint's own safetensors, which are linked or copied beside it;
    /// where <paramref name="destination"/> is <paramref name="source"/> itself, the graph and its description are added there.
    /// </summary>
    /// <param name="source">A folder with config.json and model.safetensors (or an index of several).</param>
    /// <param name="destination">The folder to make. It appears whole, by a rename, or not at all.</param>
    /// <param name="options">null: the defaults.</param>
    /// <param name="progress">Told of steps and of warnings (a checkpoint without a tokenizer, weights that no graph uses).</param>
    /// <param name="cancellationToken">Honoured between steps and while files are read.</param>
    /// <exception cref="EdgeException">The checkpoint is damaged, incomplete or of an architecture or a setting that is not supported
    /// (<see cref="EdgeErrorCode.InvalidModel"/>), or the destination exists (<see cref="EdgeErrorCode.InvalidArgument"/>).</exception>
    public static Task ConvertAsync(
        string source,
        string destination,
        ConvertOptions? options = null,
        IProgress<ConvertProgress>? progress = null,
        CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
